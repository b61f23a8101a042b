@0xbc9bc4b2ba7cb1a6;
# Text that cannot be cut into tokens.

const typographic :Text = “quoted”;     # ERROR "'“quoted”' is not a string. \\[bad-character\\]"
const single :Text = 'single';          # ERROR "''single'' is not a string"
const accentué :Int32 = 1;              # ERROR "unexpected character 'é'"
const dot :Int32 = 1·5;                 # ERROR "unexpected character '·'" "expected ';'"

const glued :Int32 =-1;                 # ERROR "'=-' is not an operator. \\[bad-operator\\]"
const dotted :Int32 = $.x;              # ERROR "'\\$.' is not an operator" "expected a value"
struct Colon { a @0 :.Colon; }          # ERROR "':.' is not an operator"
const sum :Int32 = 1 + 2;               # ERROR "'\\+' is not an operator" "expected ';', found '2'"
const c :Int32 = 1; // a comment        # ERROR "'//' is not an operator" "expected a declaration, found 'a'"
;
const compare :Bool = 1 <= 2;           # ERROR "'<=' is not an operator" "expected ';', found '='"

const letters :Int32 = 12ab;            # ERROR "'12ab' is not a number"
const two :Int32 = 1.2.3;               # ERROR "'1.2.3' is not a number"
const nine :Int32 = 09;                 # ERROR "'09' is not a number"
const nines :Float64 = 0999.5;          # ERROR "'0999.5' is not a number"
const exponent :Float64 = 1e;           # ERROR "'1e' is not a number"
const signed :Float64 = 1e+;            # ERROR "'1e\\+' is not a number"
const signs :Float64 = 1e+-5;           # ERROR "'1e\\+' is not a number" "expected ';', found '-'"
const upper :Int32 = 0X10;              # ERROR "'0X10' is not a number"
const digits :Int32 = 0x;               # ERROR "'0x' is not a number"
const hexFloat :Float64 = 0x1.8p3;      # ERROR "'0x1.8p3' is not a number"
const under :Int32 = 1_000;             # ERROR "'1_000' is not a number"

const big :UInt64 = 18446744073709551616;        # ERROR "too big.*64 bits"
const bigHex :UInt64 = 0x10000000000000000;      # ERROR "too big.*64 bits"
const bigOctal :UInt64 = 02000000000000000000000;  # ERROR "too big.*64 bits"
const most :UInt64 = 18446744073709551615;
const float :Float64 = 1e309;           # ERROR "Number is too big"

const open :Text = "open;
const next :Text = "x";                 # ERROR@-1 "closing '\"' is missing"
const open2 :Text = "open
const after :Text = "x";                # ERROR@-1 "closing '\"' is missing"
const escapes :Text = "\q\x4\400\e";    # ERROR "'.q' is not an escape" "'.x' is not an escape" "'.400' is not an escape" "'.e' is not an escape"
const twice :List(Text) = ["\q", "\z", "ok"];  # ERROR "'.q'" "'.z'"
const odd :Data = 0x"123";              # ERROR "expected two hexadecimal digits"
const none :Data = 0x"";                # ERROR "at least one byte"
const word :Data = 0x"hello";           # ERROR "expected two hexadecimal digits"
const unclosed :Data = 0x"00 11;
const last :Int32 = 1;                  # ERROR@-1 "closing '\"' is missing"
