@0xb1a2c3d4e5f6070b;

interface A extends(B) {}
interface B extends(C, D) {}
interface C extends(A) {}  # ERROR `Interface is its own superclass. \[extends-itself\]`
interface D extends(D) {}  # ERROR `Interface is its own superclass`
interface E extends(D) {}
