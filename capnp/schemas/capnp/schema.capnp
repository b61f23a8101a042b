@0xa93fc509624c72d9;
# A compiled schema as a message: what a schema compiler hands to a code generator, and what programs
# that work with types known only at run time read.
#
# A schema is a set of nodes. A node is anything that has an id: a file, a struct, a group, an enum, an
# interface, a constant, an annotation. Nodes refer to each other by id and every node knows the id
# of the one it is declared in.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("capnp::schema");

using Id = UInt64;
# Identifies a node for ever and everywhere. The highest bit is always set.

struct Node {
  # One declaration.

  id @0 :Id;

  displayName @1 :Text;
  # A name for people, such as `dir/file.capnp:Outer.Inner`. Nothing should depend on it.

  displayNamePrefixLength @2 :UInt32;
  # How much of the display name to cut off to get the plain name.

  scopeId @3 :Id;
  # The node this one is declared in; zero for a file. A method's parameter struct belongs to no node and
  # has zero here, too.

  parameters @32 :List(Parameter);
  # The node's own type parameters. Those of the nodes around it apply as well.

  isGeneric @33 :Bool;
  # The node or a node around it has type parameters.

  struct Parameter {
    # A type parameter.

    name @0 :Text;
  }

  nestedNodes @4 :List(NestedNode);
  # The named declarations inside this node. Groups and parameter structs are not among them.

  struct NestedNode {
    # A declaration inside another one.

    name @0 :Text;
    # Its plain name.

    id @1 :Id;
    # Zero, or an id of no node at all, when the declaration is an alias (`using`).
  }

  annotations @5 :List(Annotation);

  union {
    # What kind of node it is.

    file @6 :Void;

    struct :group {
      dataWordCount @7 :UInt16;
      # Size of the data section in words.

      pointerCount @8 :UInt16;
      # Size of the pointer section in pointers.

      preferredListEncoding @9 :ElementSize;
      # Of historical interest: lists of structs are always written `inlineComposite`.

      isGroup @10 :Bool;
      # The node is a group: its fields lie in the struct around it, whose sizes are repeated here.

      discriminantCount @11 :UInt16;
      # How many of the fields are in the unnamed union; zero if there is none.

      discriminantOffset @12 :UInt32;
      # Where the tag of the union is in the data section, in units of 16 bits.

      fields @13 :List(Field);
      # The fields by ordinal, groups included. A group counts as the lowest ordinal inside it.
    }

    enum :group {
      enumerants @14 :List(Enumerant);
      # By value, that is, by ordinal.
    }

    interface :group {
      methods @15 :List(Method);
      # By ordinal.

      superclasses @31 :List(Superclass);
      # The interfaces this one extends, in the order written.
    }

    const :group {
      type @16 :Type;
      value @17 :Value;
    }

    annotation :group {
      type @18 :Type;

      # What the annotation can be put on:
      targetsFile @19 :Bool;
      targetsConst @20 :Bool;
      targetsEnum @21 :Bool;
      targetsEnumerant @22 :Bool;
      targetsStruct @23 :Bool;
      targetsField @24 :Bool;
      targetsUnion @25 :Bool;
      targetsGroup @26 :Bool;
      targetsInterface @27 :Bool;
      targetsMethod @28 :Bool;
      targetsParam @29 :Bool;
      targetsAnnotation @30 :Bool;
    }
  }

  startByte @34 :UInt32;
  # Where the declaration starts in its source file. Zero from compilers that do not say.

  endByte @35 :UInt32;
  # Where it ends.

  struct SourceInfo {
    # What the source said about a node beyond its meaning. It travels beside the nodes so that programs
    # can leave it out.

    id @0 :Id;
    # The node.

    docComment @1 :Text;
    # The comment that belongs to the declaration, without the number signs.

    members @2 :List(Member);
    # One for every field, enumerant or method, in the order of the node's own list.

    struct Member {
      docComment @0 :Text;

      startByte @1 :UInt32;
      # Where the member starts in its source file.

      endByte @2 :UInt32;
      # Where it ends.
    }

    startByte @3 :UInt32;
    # Where the declaration starts in its source file.

    endByte @4 :UInt32;
    # Where it ends.
  }
}

struct Field {
  # A member of a struct.

  name @0 :Text;

  codeOrder @1 :UInt16;
  # The place among the members as written. The order of a list of fields is by ordinal instead.

  annotations @2 :List(Annotation);

  const noDiscriminant :UInt16 = 0xffff;
  # The tag of a field that is in no union.

  discriminantValue @3 :UInt16 = Field.noDiscriminant;
  # The tag that says that this member of the unnamed union is set.

  union {
    slot :group {
      # An ordinary field, with a place of its own.

      offset @4 :UInt32;
      # Its place, in units of its own size from the start of its section: bits for `Bool`, pointers for
      # everything that is a pointer.

      type @5 :Type;

      defaultValue @6 :Value;
      # Data fields are stored as the exclusive or with this value.

      hadExplicitDefault @10 :Bool;
      # The source gave a default. Otherwise it is zero, empty or null.
    }

    group :group {
      # A group, or a named union, which is a group with nothing in it but an unnamed union.

      typeId @7 :Id;
      # The node of the group.
    }
  }

  ordinal :union {
    implicit @8 :Void;
    # The source gives no number, as for a group.

    explicit @9 :UInt16;
    # The number in the source.
  }
}

struct Enumerant {
  # A value of an enum. Its number is its place in the list.

  name @0 :Text;

  codeOrder @1 :UInt16;
  # The place among the enumerants as written.

  annotations @2 :List(Annotation);
}

struct Superclass {
  # An interface that another one extends.

  id @0 :Id;

  brand @1 :Brand;
}

struct Method {
  # A method of an interface. Its number is its place in the list.

  name @0 :Text;

  codeOrder @1 :UInt16;
  # The place among the methods as written.

  implicitParameters @7 :List(Node.Parameter);
  # Type parameters of the method itself, written in brackets after its name.

  paramStructType @2 :Id;
  # The struct of parameters. If the source lists parameters instead of naming a struct, a struct is made up
  # whose `scopeId` is zero.

  paramBrand @5 :Brand;

  resultStructType @3 :Id;
  # The struct of results; likewise. `StreamResult` of stream.capnp for a streaming method.

  resultBrand @6 :Brand;

  annotations @4 :List(Annotation);
}

struct Type {
  # The type of a field, a list element, a constant or an annotation.

  union {
    void @0 :Void;
    bool @1 :Void;
    int8 @2 :Void;
    int16 @3 :Void;
    int32 @4 :Void;
    int64 @5 :Void;
    uint8 @6 :Void;
    uint16 @7 :Void;
    uint32 @8 :Void;
    uint64 @9 :Void;
    float32 @10 :Void;
    float64 @11 :Void;
    text @12 :Void;
    data @13 :Void;

    list :group {
      elementType @14 :Type;
    }

    enum :group {
      typeId @15 :Id;
      brand @21 :Brand;
    }

    struct :group {
      typeId @16 :Id;
      brand @22 :Brand;
    }

    interface :group {
      typeId @17 :Id;
      brand @23 :Brand;
    }

    anyPointer :union {
      # A pointer whose target the schema does not fix.

      unconstrained :union {
        # The type is written as one of the `Any` types.

        anyKind @18 :Void;
        # `AnyPointer`

        struct @25 :Void;
        # `AnyStruct`

        list @26 :Void;
        # `AnyList`

        capability @27 :Void;
        # `Capability`
      }

      parameter :group {
        # A type parameter of a node around the use.

        scopeId @19 :Id;
        # The node that declares it.

        parameterIndex @20 :UInt16;
        # Its place in the node's list of parameters.
      }

      implicitMethodParameter :group {
        # A type parameter of the method.

        parameterIndex @24 :UInt16;
      }
    }
  }
}

struct Brand {
  # The arguments that a use of a generic type gives to its parameters.

  scopes @0 :List(Scope);
  # One for every node on the way from the type outwards whose parameters are bound.

  struct Scope {
    # Arguments for the parameters of one node.

    scopeId @0 :Id;
    # The node.

    union {
      bind @1 :List(Binding);
      # One argument per parameter.

      inherit @2 :Void;
      # The use is inside the node itself and passes on what that was given.
    }
  }

  struct Binding {
    # An argument.

    union {
      unbound @0 :Void;
      # None was given: the parameter stands for `AnyPointer`.

      type @1 :Type;
      # Always a pointer type.
    }
  }
}

struct Value {
  # A default, a constant or the value of an annotation. Always the same variant as its type.

  union {
    void @0 :Void;
    bool @1 :Bool;
    int8 @2 :Int8;
    int16 @3 :Int16;
    int32 @4 :Int32;
    int64 @5 :Int64;
    uint8 @6 :UInt8;
    uint16 @7 :UInt16;
    uint32 @8 :UInt32;
    uint64 @9 :UInt64;
    float32 @10 :Float32;
    float64 @11 :Float64;
    text @12 :Text;
    data @13 :Data;

    list @14 :AnyPointer;
    # A list of the type that goes with the value.

    enum @15 :UInt16;

    struct @16 :AnyPointer;
    # A struct of the type that goes with the value.

    interface @17 :Void;
    # Null, the only capability that can be written in a schema.

    anyPointer @18 :AnyPointer;
  }
}

struct Annotation {
  # An annotation put on a declaration.

  id @0 :Id;
  # The annotation's declaration.

  brand @2 :Brand;

  value @1 :Value;
}

enum ElementSize {
  # How the elements of a list are laid out. The numbers are those on the wire.

  empty @0;
  # No bits at all: a list of `Void`.

  bit @1;
  byte @2;
  twoBytes @3;
  fourBytes @4;
  eightBytes @5;
  pointer @6;

  inlineComposite @7;
  # A word that describes the structs, then the structs.
}

struct CapnpVersion {
  # The version of a compiler.

  major @0 :UInt16;
  minor @1 :UInt8;
  micro @2 :UInt8;
}

struct CodeGeneratorRequest {
  # What a code generator plugin reads from its standard input.

  capnpVersion @2 :CapnpVersion;
  # The compiler that made the request. Null before version 0.6.

  nodes @0 :List(Node);
  # Every node of the requested files and of the files they import, as far as they are used.

  sourceInfo @3 :List(Node.SourceInfo);
  # Comments and positions for the nodes.

  requestedFiles @1 :List(RequestedFile);
  # The files named on the compiler's command line: those to make code for.

  struct RequestedFile {
    # A file to make code for.

    id @0 :Id;

    filename @1 :Text;
    # The name relative to the source prefix given to the compiler.

    imports @2 :List(Import);
    # The files it imports.

    struct Import {
      # An import in a file.

      id @0 :Id;
      # The imported file.

      name @1 :Text;
      # The name as written after `import`, which may be absolute or relative.
    }

    fileSourceInfo @3 :FileSourceInfo;
    # What the identifiers in the file mean. Null from compilers that do not say.

    struct FileSourceInfo {
      # What the identifiers in a file mean, for editors.

      identifiers @0 :List(Identifier);

      struct Identifier {
        # An identifier that was resolved.

        startByte @0 :UInt32;
        endByte @1 :UInt32;

        union {
          typeId @2 :UInt64;
          # It names this node.

          member :group {
            # It names a member.

            parentTypeId @3 :UInt64;
            # The node the member belongs to.

            ordinal @4 :UInt16;
            # Its place in the node's list of members.
          }
        }
      }
    }
  }
}
