@0x80ac99b430c03a8e;
# A library that others import.

using Json = import "/capnp/compat/json.capnp";
using import "/lib/marks.capnp".mark;
using Quantities = List(Quantity);

$import "/capnp/c++.capnp".namespace("corpus::units");

struct Unit $mark("unit") {
  name @0 :Text $Json.name("n");
  symbol @1 :Text;
}

struct Quantity {
  amount @0 :Float64;
  unit @1 :Unit;
  system @2 :System = metric;
}

enum System { metric @0; imperial @1; natural @2; }

struct Table { rows @0 :Quantities; }

struct Symbols {
  const metre :Text = "m";
  const mile :Text = "mi";
}

const metresPerMile :Float64 = 1609.344;
const oneMile :Quantity = (amount = 1, unit = (name = "mile", symbol = Symbols.mile), system = imperial);

interface Converter(Source, Target) {
  convert @0 (from :Source) -> (to :Target);
}
