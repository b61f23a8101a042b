@0xb1a2c3d4e5f60706;

const chicken :Int32 = .egg;  # ERROR `Declaration recursively depends on itself`
const egg :Int32 = .chicken;

struct Node { next @0 :Node; name @1 :Text; }
const first :Node = (next = .second);  # ERROR `Declaration recursively depends on itself`
const second :Node = (next = .first);

using A = B;  # ERROR `Not defined: B`
using B = A;  # ERROR `Not defined: A`

annotation itself(annotation) :Text $itself("x");  # ERROR `Declaration recursively depends on itself`
