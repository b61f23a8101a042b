@0xe2b93fd1562d9133;
# Annotations for use by the other files.

annotation mark(*) :Text $meta("marks");
annotation flag(field, struct, enumerant, method) :Void;
annotation meta(annotation) :Text;
annotation level @0xb88c77ba8d1378b6 (field, param) :Int32;

using Units = import "units.capnp";
# Files may import each other.

annotation size(struct, field) :Units.Quantity;
