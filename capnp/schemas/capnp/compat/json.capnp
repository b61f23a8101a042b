@0x8ef99297a43a5e34;
# JSON values as messages, and annotations that steer how messages become JSON.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("capnp::json");

struct Value {
  # A JSON value.

  union {
    null @0 :Void;
    boolean @1 :Bool;
    number @2 :Float64;
    string @3 :Text;
    array @4 :List(Value);
    object @5 :List(Field);

    call @6 :Call;
    # Not JSON: `Name(arg, …)`, as MongoDB writes binary data and dates.

    raw @7 :Text;
    # Text that goes out as it is. It must be one valid JSON value: nobody checks, and text from a
    # stranger can break out of the document. A parser never makes one.
  }

  struct Field {
    # A member of an object.

    name @0 :Text;
    value @1 :Value;
  }

  struct Call {
    # A function name applied to values.

    function @0 :Text;
    params @1 :List(Value);
  }
}

annotation name @0xfa5b1fd61c2e7c3d (field, enumerant, method, group, union) :Text;
# The name this member has in JSON.

annotation flatten @0x82d3e852af0336bf (field, group, union) :FlattenOptions;
# The members of this struct, group or union appear in the enclosing object. For a member of a union,
# the union needs the annotation `discriminator`.

struct FlattenOptions {
  # How to flatten.

  prefix @0 :Text = "";
  # Goes before the name of every flattened member.
}

annotation discriminator @0xcfa794e8d19a0162 (struct, union) :DiscriminatorOptions;
# A member of the JSON object names the variant of the union. Without it the variant is recognised by
# the member that is present. On a struct it speaks of the unnamed union.

struct DiscriminatorOptions {
  # How the variant is named.

  name @0 :Text;
  # The member that holds the name of the variant. Null means the name of the union.

  valueName @1 :Text;
  # The member that holds the value whatever the variant is. Null means that it is named for the variant.
  # Cannot be combined with a flattened variant.
}

annotation base64 @0xd7d879450a253e4b (field) :Void;
# This `Data` field is a base64 string in JSON.

annotation hex @0xf061e22f0ae5c7b5 (field) :Void;
# This `Data` field is a string of hexadecimal digits in JSON.

annotation notification @0xa0a054dea32fd98c (method) :Void;
# This method is a JSON-RPC notification: nobody waits for its result.
