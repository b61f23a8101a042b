@0xe2fce04f61809e7a;
# Doc comments in every place.
#
# An empty line in between is part of it.

# This one is not: there was a blank line.

using Alias = Documented;  # Documented aliases are not nodes.

const number :Int32 = 5;  # On the same line.
const other :Int32 = 6;
# On the next line.

const spaced :Int32 = 7;

# Not attached to anything.

struct Documented {
  # Right after the brace.
  #   Indented text keeps its further spaces.
  #No space is fine as well.
  #
  # The end.

  field @0 :Int32;
  # About the field.
  # In two lines.

  other @1 :Text;  # Same line,
                   # continued below.

  none @2 :Void;

  # Not about `none`: blank line before.

  part :group {
    # About the group.
    x @3 :Int32;  # x
  }

  choice :union {
    a @4 :Int8;
    # a
    b @5 :Int8;
  }
  # Late comment of the union.

  union {
    # About the unnamed union.
    c @6 :Void;
    d @7 :Void;
    # d
  }

  struct Inner { }
  # Late comment of the nested struct.

  struct Both {
    # The first wins.
  }
  # The late one is dropped.
}
# Not a doc comment: the first one stands after the brace.

struct Late { a @0 :Int32; }
# A late doc comment.

enum Documents {
  # About the enum.
  first @0;  # 1st
  second @1;
  # 2nd
  third @2;
}

interface Documenting {
  # About the interface.

  method @0 (a :Int32, b :Text) -> (c :Data);
  # About the method.

  wide @1 (
      a :Int32,  # Comments in parentheses are just comments.
      b :Text    # So is this.
  ) -> ();       # This one counts.

  interface Nested {}  # On the line of the brace.
}

annotation noted(*) :Text;
# About the annotation.

struct Empty {}
struct OneLine { # Directly after the brace.
}
struct HashOnly {
  #
  a @0 :Int32;
  ##  Two hashes.
  b @1 :Int32;   	# Tabs	inside.
}

const last :Text = "with a # in it"; # The comment.
# ends at the end of the file
