// Package shape is generated code that the code in the packages beside it imports. It is for tests.
package shape
