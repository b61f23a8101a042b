@0xe0a1b2c3d4e5f608;
# A package with the name of one of the standard library's.

struct Number {
  f @0 :Float64 = 1.5;
}
