// Package math is generated code whose names meet others. It is for tests.
package math
