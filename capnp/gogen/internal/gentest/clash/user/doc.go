// Package user is generated code whose names meet others. It is for tests.
package user
