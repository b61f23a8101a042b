//go:build !(armbe || arm64be || m68k || mips || mips64 || mips64p32 || ppc || ppc64 || s390 || s390x || shbe || sparc || sparc64)

package wire

// littleEndian tells whether scalars lie in memory as they do on the wire.
const littleEndian = true
