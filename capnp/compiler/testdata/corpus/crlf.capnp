@0xb7f7e35c6a8b9d21;
# With a byte order mark and the line ends of Windows.

struct Crlf {
  # The struct.
  a @0 :Int32;  # A field,
                # in two lines.
  b @1 :Text = "text";
  # Another.
}

enum Ends { cr @0; lf @1; }
# Late.
