# A comment before the id.

@0xd0237661535852e5;

const letters :Text = "bell \a backspace \b feed \f newline \n return \r tab \t vertical \v";
const signs :Text = "quote \" apostrophe \' backslash \\ question \? plain '";
const hexEscapes :Text = "\x41\x62\x7e";
const octalEscapes :Text = "\101\7\60 and \1234";
const mixedEscapes :Data = "\x00\xff\377\0\n";
const unicode :Text = "größe, 大きさ, размер, 📏";
const octalThenText :Text = "\0078";

const joined :Text = "one " "two " "three";
const joinedOverLines :Text =
    "a long text is "  # with comments between its parts
    "broken into pieces\n"
    "that follow each other";
const joinedBytes :Data = "\x01" "\x02"
    "\x03";

const hexLower :UInt32 = 0xdeadbeef;
const hexUpper :UInt32 = 0xDEADBEEF;
const hexLeading :UInt8 = 0x0000000000000000000000000000ff;
const octal :UInt16 = 0177777;
const octalZero :UInt8 = 00;
const zero :UInt8 = 0;
const negative :Int8 = - 1;
const negativeHex :Int16 = -0x8000;
const negativeOctal :Int16 = -0777;
const minusNothing :Int32 = -0;

const oneTenth :Float64 = 0.1;
const noFraction :Float64 = 5.;
const exponent :Float32 = 1e3;
const exponentPlus :Float32 = 1E+3;
const exponentMinus :Float32 = 125e-3;
const fractionExponent :Float64 = 2.998e8;
const leadingZeros :Float64 = 007.25;
const negativeFloat :Float64 = -273.15;
const negativeSpaced :Float64 = - 273.15;
const down :Float32 = -inf;
const downSpaced :Float64 = - inf;
const up :Float64 = inf;
const notANumber :Float32 = nan;

const bytes :Data = 0x"0123456789abcdef";
const bytesSpaced :Data = 0x" de ad  be ef ";
const bytesLines :Data = 0x"
    00 01 02 03
    04 05 06 07
";
const bytesMixedCase :Data = 0x"aB Cd EF";

const parenthesized :Int32 = (5);
const parenthesizedTwice :Int32 = ((-5));
const parenthesizedText :Text = ("in" " parentheses");
const trailing :List(UInt8) = [1, 2, 3,];
const one :List(UInt8) = [1,];
const nothing :List(UInt8) = [];

const truth :Bool = true;
const lie :Bool = false;
const empty :Void = void;

const farAway :UInt64 = .Literals.inner;
const nearBy :UInt64 = Literals.inner;

struct Literals {
  const inner :UInt64 = 1;
}
