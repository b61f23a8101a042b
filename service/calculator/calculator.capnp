@0x85150b117366d14b;
# The four-function calculator of the Cap'n Proto samples: every value, function and operator is a
# capability, so that results can be used before they are there.

using Lanyard = import "/lanyard.capnp";

interface Calculator @0x97983392df35cc36 {
  # Evaluates expressions and defines functions.

  evaluate @0 (expression :Expression) -> (value :Value) $Lanyard.idempotent;
  # Evaluate an expression. The result is an object that can go straight into the next expression, or be read,
  # without waiting for this call to return.

  defFunction @1 (paramCount :Int32, body :Expression) -> (func :Function) $Lanyard.idempotent;
  # Define a function. The body refers to its parameters by number, and keeps the values and functions
  # that it mentions.

  getOperator @2 (op :Operator) -> (func :Function) $Lanyard.readOnly;
  # Get an arithmetic operator as a function.

  struct Expression @0xd438d7caf5548d15 {
    # A number, or how to get one.

    union {
      literal @0 :Float64;
      # The number itself.

      previousResult @1 :Value;
      # The result of an earlier evaluation, whether it has come or not.

      parameter @2 :UInt32;
      # A parameter of the function whose body this is, counted from zero.

      call :group {
        # A function applied to expressions.

        function @3 :Function;
        # The function.

        params @4 :List(Expression);
        # What it is applied to.
      }
    }
  }

  interface Value @0xc3e69d34d3ee48d2 {
    # A number as an object.

    read @0 () -> (value :Float64) $Lanyard.readOnly;
    # Get the number.
  }

  interface Function @0xede83a3d96840394 {
    # A function of numbers. Clients may implement one, too, and the calculator calls it back.

    call @0 (params :List(Float64)) -> (value :Float64);
    # Apply the function.
  }

  enum Operator @0x8793407861e6dfe6 {
    # The operators of arithmetic, as in IEEE 754: dividing by zero gives an infinity or NaN.

    add @0;
    subtract @1;
    multiply @2;
    divide @3;
  }
}
