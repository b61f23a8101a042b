@0xbc9bc4b2ba7cb1a6;

struct Fields {
  noOrdinal :Int32;                     # ERROR "field 'noOrdinal' has no ordinal"
  noColon @1 Int32;                     # ERROR "expected ':' and a type, found 'Int32'"
  noType @2 : ;                         # ERROR "expected a type, found ';'"
  noSemicolon @3 :Int32                 # ERROR "missing ';' at the end of the statement. \\[missing-semicolon\\]"
  fine @4 :Int32;
  broken @5 Int32                       # ERROR "expected ':' and a type"
  fine2 @6 :Int32;
  noDefault @7 :Int32 = ;               # ERROR "expected a value"
  bang @8! :Int32;                      # ERROR "'!' stands only after the number of a union. \\[ordinal-unexpected\\]"
  negative @-1 :Int32;                  # ERROR "'@-' is not an operator" "expected an ordinal after '@'"
  range @65536 :Int32;                  # ERROR "^Ordinals cannot be greater than 65535."
  fine3 @65535 :Int32;
  open @9 :List(Int32;                  # ERROR "'\\(' is never closed"
  mismatch @10 :List(Int32];            # ERROR "expected ',' or '\\)', found '\\]'"
  method @11 () -> ();                  # ERROR "expected ':' and a type, found '\\('"
  twoTypes @12 :Int32 Text;             # ERROR "expected ';', found 'Text'"
  block @13 :Int32 { a; }               # ERROR "should end with a semicolon"
  nothing;                              # ERROR "expected a field or declaration, found 'nothing'"
  optional x @14 :Int32;                # ERROR "expected a field or declaration, found 'optional'"
  @15 :Int32;                           # ERROR "expected a field or declaration, found '@'"
  $note;                                # ERROR "expected a field or declaration, found '\\$'"
  default @16 :Int32 = 1 = 2;           # ERROR "expected ';', found '='"
  noteless @17 :Int32 $;                # ERROR "expected an annotation's name"
  structt Nested { a @0 Int32; }        # ERROR "found 'structt'" "expected ':' and a type"
  last @18 :Int32 }                     # ERROR "missing ';'"

struct Unions {
  old @0 :union {                       # ERROR "^As of Cap'n Proto v0.3, it is no longer necessary to assign numbers to unions.*\\[union-ordinal\\]"
    a @1 :Int32;
    b @2 :Int32;
  }
  older @3 union {                      # ERROR "it is no longer necessary" "^As of Cap'n Proto v0.3, the 'union' keyword should be prefixed with a colon for named unions.*\\[union-colon\\]"
    c @4 :Int32;
    d @5 :Int32;
  }
  colon @6! union {                     # ERROR "the 'union' keyword should be prefixed with a colon"
    e @7 :Int32;
    f @8 :Int32;
  }
  union Named { g @9 :Int32; h @10 :Int32; }  # ERROR "expected '{', found 'Named'"
  union $note { i @11 :Int32; }         # ERROR "unnamed union has no annotations. \\[union-annotated\\]"
  union;                                # ERROR "should end with a block"
  grp @12 :group { j @13 :Int32; }      # ERROR "a group has no ordinal. \\[ordinal-unexpected\\]"
  grp2 @14 :group $note { k @15 Int32; }  # ERROR "a group has no ordinal" "expected ':' and a type"
  grp3 :group;                          # ERROR "should end with a block"
  grp4 group { }                        # ERROR "expected a field or declaration, found 'grp4'"
  semicolon :group { };                 # ERROR "expected a field or declaration, found ';'"
}

struct Open {
  a @0 :group {                         # ERROR "a group has no ordinal" "'{' is never closed"
