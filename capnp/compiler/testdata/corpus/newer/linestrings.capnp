@0x9f3c1b7de2604a58;
# Line strings came with version 1.0 of the C++ compiler.

const poem :Text =
    `A backtick starts a string that ends with its line,
    `and lines that follow each other are one text; "quotes" need no escape,
    `nor do \ and # signs.
;

const mixed :Text = "first\n"
    `second
    "third";

const bytes :Data =
    `bytes
;

struct Lines {
  text @0 :Text =
      `default
  ;
  texts @1 :List(Text) = [
    `one
    ,
    `two
    `more of two
  ];
}
