@0xd12a1c51fedd6c88;
# Annotations that steer Go code generators. The ids are those of go-capnp's file of the same name, so
# a schema annotated for one works with the other. Lanyard needs none of them: see the manual of
# `lanyard schema gen` for how package and import path are found without.

annotation package @0xbea97f1023792be0 (file) :Text;
# The name of the Go package the generated file belongs to.

annotation import @0xe130b601260e44b5 (file) :Text;
# The import path of that package.

annotation doc @0xc58ad6bd519f935e (struct, field, enum) :Text;
# Text to put before the doc comment of the generated declaration.

annotation tag @0xa574b41924caefc7 (enumerant) :Text;
# What `String` returns for this enumerant, instead of its name.

annotation notag @0xc8768679ec52e012 (enumerant) :Void;
# `String` returns the empty string for this enumerant.

annotation customtype @0xfa10659ae02f2093 (field) :Text;
# Ignored. Kept because old schemas use it.

annotation name @0xc2b96012172f8df1 (struct, field, union, enum, enumerant, interface, method, param, annotation, const, group) :Text;
# The name to use in Go instead of the one in the schema. The way out when two names collide.
