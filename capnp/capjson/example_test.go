package capjson_test

import (
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/capjson"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/zoo"
)

func ExampleMarshal() {
	reg, err := schema.Load(zoo.ZooSchema())
	if err != nil {
		fmt.Println(err)
		return
	}
	cage, err := dynamic.FindStruct(reg, "Cage")
	if err != nil {
		fmt.Println(err)
		return
	}
	b := cage.NewRoot(capnp.NewMessage(nil))
	if err := capjson.Unmarshal([]byte(`{"number": 7, "key": "hunter2", "next": {"number": 8}}`), b, nil); err != nil {
		fmt.Println(err)
		return
	}
	text, err := capjson.Marshal(b.Reader(), &capjson.Options{OmitDefaults: true, Redact: true})
	fmt.Println(string(text), err)
	fmt.Println(capjson.Unmarshal([]byte(`{"next": {"number": -1}}`), b, nil))
	// Output:
	// {"number":7,"key":"[secret]","next":{"number":8,"empty":null,"size":{}},"empty":null,"size":{}} <nil>
	// $.next.number: -1 is out of the range of UInt32
}
