@0x827586b634205458;
# Annotations that say what a method or a field means to those who narrow, repeat or show calls. A file that uses
# them imports "/lanyard.capnp", which needs nothing installed; code generated from it imports nothing for them.

annotation readOnly @0xb78f2bcbc7cdcb0c (interface, method) :Void;
# Calling this method changes nothing that anybody can see later; on an interface it speaks of every method that the
# interface itself declares. A read-only view lets such methods pass, so do not put it on a method that returns a
# capability whose other methods change the same thing, unless the view wraps that, too.

annotation idempotent @0xe9b6fb899ad3a13e (interface, method) :Void;
# Calling this method twice is as good as once; on an interface it speaks of every method that the interface itself
# declares. A call whose answer was lost with a connection may be made again. Every method that is `readOnly` is
# idempotent, whether it says so or not.

annotation secret @0xdea19d372342d362 (field, param, group, union) :Void;
# The value is not for logs and screens: whoever shows a message to people leaves it out.
