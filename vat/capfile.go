package vat

// maxFile is the largest file that ReadCap and LoadIdentity look into.
const maxFile = 16 << 10

// ReadCap reads the reference in a .cap file, which must be a regular file of this user's that
// nobody else can read. Errors contain the path, and nothing of the secret.
func ReadCap(path string) (Reference, error) { panic("soon") }

// WriteCap writes a reference to a .cap file that only this user can read, in place of what was
// there. It is there whole or not at all.
func WriteCap(path string, r Reference) error { panic("soon") }
