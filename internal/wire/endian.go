package wire

import "encoding/binary"

// littleEndian tells whether scalars lie in memory as they do on the wire.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1
