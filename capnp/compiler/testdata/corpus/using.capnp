@0xb89a8499180d725c;
# `using` and the ways to name a declaration.

using Units = import "lib/units.capnp";
using import "lib/units.capnp".Quantity;
using import "/lib/units.capnp".Unit;
using UnitAgain = Unit;
using Units.System;
using TheUnit = Units.Unit;
using Deeper = import "/lib/deep/er.capnp".Level.Below;
using Whole = import "/lib/deep/er.capnp";
using Schema = import "/capnp/schema.capnp";
using Node = import "/capnp/schema.capnp".Node;
using Numbers = List(Int32);
using Matrix = List(List(Float64));
using Absolute = .Holder;
using AbsoluteMember = .Holder.Inside;
using Holder.Inside;
using Builtin = Text;
using Chain = Chain2;
using Chain2 = Chain3;
using Chain3 = Holder;
using StreamResult = import "/capnp/stream.capnp".StreamResult;

struct Holder {
  inside @0 :Inside;
  alias @1 :Alias;
  units @2 :Units.Unit;
  quantity @3 :Quantity;
  system @4 :System = natural;
  unit @5 :UnitAgain;
  again @6 :TheUnit;
  below @7 :Deeper;
  numbers @8 :Numbers;
  matrix @9 :Matrix;
  absolute @10 : .Holder;
  absoluteMember @11 : .Holder.Inside.Core;
  chain @12 :Chain;
  text @13 :Builtin = "aliased";
  node @14 :Node;
  direct @15 :import "lib/units.capnp".Unit;
  directAbsolute @16 :import "/lib/units.capnp".Quantity;
  level @17 :Whole.Level;
  kept @18 :Inside.Kept;
  brand @19 :Schema.Brand;
  stream @20 :StreamResult;

  using Alias = Inside.Core;
  using Inside.Core;
  using Kept = List(Core);

  struct Inside {
    core @0 :Core;
    outer @1 :Holder;
    kept @2 :Kept;
    shadow @3 :Numbers;

    struct Core { value @0 :Int32; }
    using Numbers = List(Int8);
    using Kept = Core;
  }
}

interface Scope {
  using Local = Holder.Inside;
  using Holder.Inside.Core;
  using import "lib/units.capnp".Symbols;

  use @0 (a :Local, b :Core) -> (c :AbsoluteMember);
  useMore @1 Absolute -> Local.Core;
}

enum Numbers2 { one @0; }

const viaAlias :Units.System = imperial;
const value :Float64 = Units.metresPerMile;
const valueDirect :Float64 = import "/lib/units.capnp".metresPerMile;
const symbol :Text = import "lib/units.capnp".Symbols.mile;
