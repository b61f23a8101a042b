package gogen_test

import (
	"fmt"
	"strings"
	"testing/fstest"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/gogen"
)

func ExampleGenerate() {
	files := fstest.MapFS{"point.capnp": {Data: []byte("@0xd8e1f3a2b4c59607;\nstruct Point { x @0 :Int32; }")}}
	res, err := compiler.Compile([]string{"point.capnp"}, &compiler.Options{Files: files})
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := gogen.Generate(res.Request, &gogen.Options{
		Packages: map[string]string{"point.capnp": "example.org/geometry"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out[0].Name, "is of package", out[0].Package.Name)
	for line := range strings.SplitSeq(string(out[0].Source), "\n") {
		if strings.Contains(line, "X(") {
			fmt.Println(line)
		}
	}
	// Output:
	// point.capnp.go is of package geometry
	// func (s Point) X() int32            { return int32(capnp.Struct(s).Uint32(0)) }
	// func (b PointBuilder) X() int32     { return int32(capnp.StructBuilder(b).Uint32(0)) }
	// func (b PointBuilder) SetX(v int32) { capnp.StructBuilder(b).SetUint32(0, uint32(v)) }
}
