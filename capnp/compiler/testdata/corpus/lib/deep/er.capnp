@0xe1c8e0b1d088095d;
# Imports upwards, and back to a file that imports this one.

using Units = import "../units.capnp";
using Marks = import "/lib/marks.capnp";
using Using = import "../../using.capnp";

struct Level $Marks.mark("deep") {
  unit @0 :Units.Unit;
  holder @1 :Using.Holder;
  raw @2 :Data = embed "../blob.bin";
  note @3 :Text = embed "../note.txt";

  struct Below {
    above @0 :Level;
    levels @1 :List(Level);
  }
}
