@0xb1a2c3d4e5f60709;

struct A @0xb1a2c3d4e5f6070a {}
struct B @0xb1a2c3d4e5f6070a {}  # ERROR `Duplicate ID @0xb1a2c3d4e5f6070a. \[duplicate-id\]`
struct C @0xb1a2c3d4e5f60709 {}  # ERROR `Duplicate ID @0xb1a2c3d4e5f60709`
