@0xbdf87d7bb8304e81;
# Annotations that steer C++ code generators. Lanyard reads them and ignores them.

$namespace("capnp::annotations");

annotation namespace(file) :Text;
# The C++ namespace of the generated code.

annotation name(field, enumerant, struct, enum, interface, method, param, group, union) :Text;
# The name to use in C++ instead of the one in the schema.

annotation allowCancellation(interface, method, file) :Void;
# A server method may be cancelled while it runs; without it C++ lets the method finish.
