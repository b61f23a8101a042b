@0xb7bb195ea44a6ce8;
# A printer that numbers lines, twice: told where by paths, and given what by capabilities.

interface PathPrinter @0x90488694a7add8b3 {
  # Files are named by who calls, and opened by who is called.

  print @0 (from :Text, to :Text) -> (lines :UInt32);
  # Numbers the lines of one file into another.
}

interface Printer @0xaccf6363a4c5be74 {
  # What to read and what to write come along.

  print @0 (from :Document, to :Sheet) -> (lines :UInt32);
  # Numbers the lines of a document onto a sheet.
}

interface Document @0x8d636e0f89fc19b3 {
  # A text that can be read.

  read @0 () -> (text :Text);
  # All of it.
}

interface Sheet @0xe92ce08e6aaa9dce {
  # Something that can be written on.

  write @0 (text :Text);
  # Replaces what is there.
}
