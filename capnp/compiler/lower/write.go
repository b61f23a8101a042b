package lower

import (
	"math"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/ir"
	"lanyard.dev/capnp/schema"
)

// Version is the version of Cap'n Proto whose schemas Write writes.
type Version struct {
	Major        uint16
	Minor, Micro uint8
}

// Write makes the message for code generators. An error means that it got
// larger than maxWords.
func Write(req *ir.Request, v Version, maxWords int64) (*capnp.Message, error) {
	mb := capnp.NewMessage(&capnp.BuilderOptions{FirstWords: 1 << 12, MaxWords: maxWords})
	b := schema.NewRootCodeGeneratorRequest(mb)
	version := b.NewCapnpVersion()
	version.SetMajor(v.Major)
	version.SetMinor(v.Minor)
	version.SetMicro(v.Micro)
	nodes := b.NewNodes(len(req.Nodes))
	for i := range nodes.Len() {
		writeNode(nodes.At(i), req.Nodes[i])
	}
	infos := b.NewSourceInfo(len(req.SourceInfo))
	for i := range infos.Len() {
		writeInfo(infos.At(i), req.SourceInfo[i])
	}
	files := b.NewRequestedFiles(len(req.Files))
	for i := range files.Len() {
		writeFile(files.At(i), &req.Files[i])
	}
	if err := mb.Err(); err != nil {
		return nil, err
	}
	return mb.Seal(), nil
}

func writeFile(b schema.CodeGeneratorRequestRequestedFileBuilder, f *ir.RequestedFile) {
	b.SetId(f.ID)
	b.SetFilename(f.Name)
	imports := b.NewImports(len(f.Imports))
	for i := range imports.Len() {
		imports.At(i).SetId(f.Imports[i].ID)
		imports.At(i).SetName(f.Imports[i].Name)
	}
	identifiers := b.NewFileSourceInfo().NewIdentifiers(len(f.Identifiers))
	for i := range identifiers.Len() {
		from := f.Identifiers[i]
		identifiers.At(i).SetStartByte(from.Span.Start)
		identifiers.At(i).SetEndByte(from.Span.End)
		identifiers.At(i).SetTypeId(from.TypeID)
	}
}

func writeInfo(b schema.NodeSourceInfoBuilder, s *ir.SourceInfo) {
	b.SetId(s.ID)
	if s.Doc != "" {
		b.SetDocComment(s.Doc)
	}
	b.SetStartByte(s.Span.Start)
	b.SetEndByte(s.Span.End)
	if len(s.Members) == 0 {
		return
	}
	members := b.NewMembers(len(s.Members))
	for i := range members.Len() {
		m := members.At(i)
		if s.Members[i].Doc != "" {
			m.SetDocComment(s.Members[i].Doc)
		}
		m.SetStartByte(s.Members[i].Span.Start)
		m.SetEndByte(s.Members[i].Span.End)
	}
}

func writeNode(b schema.NodeBuilder, n *ir.Node) {
	b.SetId(n.ID)
	b.SetDisplayName(n.DisplayName)
	b.SetDisplayNamePrefixLength(uint32(n.PrefixLen))
	b.SetScopeId(n.ScopeID)
	b.SetIsGeneric(n.Generic)
	b.SetStartByte(n.Span.Start)
	b.SetEndByte(n.Span.End)
	if len(n.Params) > 0 {
		writeParameters(b.NewParameters(len(n.Params)), n.Params)
	}
	nested := b.NewNestedNodes(len(n.Nested))
	for i := range nested.Len() {
		nested.At(i).SetName(n.Nested[i].Name)
		nested.At(i).SetId(n.Nested[i].ID)
	}
	if len(n.Annotations) > 0 {
		writeAnnotations(b.NewAnnotations(len(n.Annotations)), n.Annotations)
	}
	switch n.Kind {
	case ir.FileNode:
		b.SetFile()
	case ir.StructNode:
		writeStructNode(b.NewStruct(), n.Struct)
	case ir.EnumNode:
		writeEnumerants(b.NewEnum().NewEnumerants(len(n.Enumerants)), n.Enumerants)
	case ir.InterfaceNode:
		writeInterface(b.NewInterface(), n.Interface)
	case ir.ConstNode:
		c := b.NewConst()
		writeType(c.NewType(), n.Type)
		writeValue(c.NewValue(), n.Value)
	case ir.AnnotationNode:
		a := b.NewAnnotation()
		writeType(a.NewType(), n.Type)
		writeTargets(a, n.Targets)
	}
}

func writeParameters(l capnp.ListBuilder[schema.NodeParameterBuilder], params []string) {
	for i := range l.Len() {
		l.At(i).SetName(params[i])
	}
}

func writeStructNode(b schema.NodeStructBuilder, s *ir.Struct) {
	b.SetDataWordCount(uint16(s.DataWords))
	b.SetPointerCount(uint16(s.Pointers))
	b.SetPreferredListEncoding(schema.ElementSizeInlineComposite)
	b.SetIsGroup(s.Group)
	b.SetDiscriminantCount(uint16(s.Discriminants))
	b.SetDiscriminantOffset(s.DiscriminantOffset)
	if len(s.Fields) == 0 {
		return
	}
	fields := b.NewFields(len(s.Fields))
	for i := range fields.Len() {
		writeField(fields.At(i), s.Fields[i])
	}
}

func writeField(b schema.FieldBuilder, f *ir.Field) {
	b.SetName(f.Name)
	b.SetCodeOrder(uint16(f.CodeOrder))
	b.SetDiscriminantValue(f.Discriminant)
	if len(f.Annotations) > 0 {
		writeAnnotations(b.NewAnnotations(len(f.Annotations)), f.Annotations)
	}
	if f.HasOrdinal {
		b.NewOrdinal().SetExplicit(f.Ordinal)
	}
	if f.Group != nil {
		b.NewGroup().SetTypeId(f.Group.ID)
		return
	}
	slot := b.NewSlot()
	slot.SetOffset(f.Offset)
	slot.SetHadExplicitDefault(f.ExplicitDefault)
	writeType(slot.NewType(), f.Type)
	writeValue(slot.NewDefaultValue(), f.Default)
}

func writeEnumerants(l capnp.ListBuilder[schema.EnumerantBuilder], all []ir.Enumerant) {
	for i := range l.Len() {
		b := l.At(i)
		b.SetName(all[i].Name)
		b.SetCodeOrder(uint16(all[i].CodeOrder))
		if len(all[i].Annotations) > 0 {
			writeAnnotations(b.NewAnnotations(len(all[i].Annotations)), all[i].Annotations)
		}
	}
}

func writeInterface(b schema.NodeInterfaceBuilder, n *ir.Interface) {
	supers := b.NewSuperclasses(len(n.Superclasses))
	for i := range supers.Len() {
		supers.At(i).SetId(n.Superclasses[i].ID)
		if brand := n.Superclasses[i].Brand; brand != nil {
			writeBrand(supers.At(i).NewBrand(), brand)
		}
	}
	methods := b.NewMethods(len(n.Methods))
	for i := range methods.Len() {
		writeMethod(methods.At(i), &n.Methods[i])
	}
}

func writeMethod(b schema.MethodBuilder, m *ir.Method) {
	b.SetName(m.Name)
	b.SetCodeOrder(uint16(m.CodeOrder))
	writeParameters(b.NewImplicitParameters(len(m.Implicit)), m.Implicit)
	b.SetParamStructType(m.ParamID)
	if m.ParamBrand != nil {
		writeBrand(b.NewParamBrand(), m.ParamBrand)
	}
	b.SetResultStructType(m.ResultID)
	if m.ResultBrand != nil {
		writeBrand(b.NewResultBrand(), m.ResultBrand)
	}
	if len(m.Annotations) > 0 {
		writeAnnotations(b.NewAnnotations(len(m.Annotations)), m.Annotations)
	}
}

func writeAnnotations(l capnp.ListBuilder[schema.AnnotationBuilder], all []ir.Annotation) {
	for i := range l.Len() {
		b := l.At(i)
		b.SetId(all[i].ID)
		if all[i].Brand != nil {
			writeBrand(b.NewBrand(), all[i].Brand)
		}
		writeValue(b.NewValue(), all[i].Value)
	}
}

func writeTargets(b schema.NodeAnnotationBuilder, t ast.Targets) {
	b.SetTargetsFile(t.Has(ast.TargetFile))
	b.SetTargetsConst(t.Has(ast.TargetConst))
	b.SetTargetsEnum(t.Has(ast.TargetEnum))
	b.SetTargetsEnumerant(t.Has(ast.TargetEnumerant))
	b.SetTargetsStruct(t.Has(ast.TargetStruct))
	b.SetTargetsField(t.Has(ast.TargetField))
	b.SetTargetsUnion(t.Has(ast.TargetUnion))
	b.SetTargetsGroup(t.Has(ast.TargetGroup))
	b.SetTargetsInterface(t.Has(ast.TargetInterface))
	b.SetTargetsMethod(t.Has(ast.TargetMethod))
	b.SetTargetsParam(t.Has(ast.TargetParam))
	b.SetTargetsAnnotation(t.Has(ast.TargetAnnotation))
}

func writeType(b schema.TypeBuilder, t *ir.Type) {
	switch t.Kind {
	case ir.Void:
		b.SetVoid()
	case ir.Bool:
		b.SetBool()
	case ir.Int8:
		b.SetInt8()
	case ir.Int16:
		b.SetInt16()
	case ir.Int32:
		b.SetInt32()
	case ir.Int64:
		b.SetInt64()
	case ir.Uint8:
		b.SetUint8()
	case ir.Uint16:
		b.SetUint16()
	case ir.Uint32:
		b.SetUint32()
	case ir.Uint64:
		b.SetUint64()
	case ir.Float32:
		b.SetFloat32()
	case ir.Float64:
		b.SetFloat64()
	case ir.Text:
		b.SetText()
	case ir.Data:
		b.SetData()
	case ir.List:
		writeType(b.NewList().NewElementType(), t.Elem)
	case ir.EnumType:
		e := b.NewEnum()
		e.SetTypeId(t.ID)
		if t.Brand != nil {
			writeBrand(e.NewBrand(), t.Brand)
		}
	case ir.StructType:
		s := b.NewStruct()
		s.SetTypeId(t.ID)
		if t.Brand != nil {
			writeBrand(s.NewBrand(), t.Brand)
		}
	case ir.InterfaceType:
		i := b.NewInterface()
		i.SetTypeId(t.ID)
		if t.Brand != nil {
			writeBrand(i.NewBrand(), t.Brand)
		}
	case ir.AnyPointer:
		writeAnyPointer(b.NewAnyPointer(), t)
	}
}

func writeAnyPointer(b schema.TypeAnyPointerBuilder, t *ir.Type) {
	switch t.Any {
	case ir.AnyAny:
		b.NewUnconstrained().SetAnyKind()
	case ir.AnyStruct:
		b.NewUnconstrained().SetStruct()
	case ir.AnyList:
		b.NewUnconstrained().SetList()
	case ir.AnyCapability:
		b.NewUnconstrained().SetCapability()
	case ir.AnyParam:
		p := b.NewParameter()
		p.SetScopeId(t.ScopeID)
		p.SetParameterIndex(uint16(t.Index))
	case ir.AnyImplicitParam:
		b.NewImplicitMethodParameter().SetParameterIndex(uint16(t.Index))
	}
}

func writeBrand(b schema.BrandBuilder, brand *ir.Brand) {
	scopes := b.NewScopes(len(brand.Scopes))
	for i := range scopes.Len() {
		s := scopes.At(i)
		s.SetScopeId(brand.Scopes[i].ScopeID)
		if brand.Scopes[i].Inherit {
			s.SetInherit()
			continue
		}
		bindings := s.NewBind(len(brand.Scopes[i].Bind))
		for j := range bindings.Len() {
			writeType(bindings.At(j).NewType(), brand.Scopes[i].Bind[j])
		}
	}
}

func writeValue(b schema.ValueBuilder, v *ir.Value) {
	switch v.Kind {
	case ir.Void:
		b.SetVoid()
	case ir.Bool:
		b.SetBool(v.Bits != 0)
	case ir.Int8:
		b.SetInt8(int8(v.Bits))
	case ir.Int16:
		b.SetInt16(int16(v.Bits))
	case ir.Int32:
		b.SetInt32(int32(v.Bits))
	case ir.Int64:
		b.SetInt64(int64(v.Bits))
	case ir.Uint8:
		b.SetUint8(uint8(v.Bits))
	case ir.Uint16:
		b.SetUint16(uint16(v.Bits))
	case ir.Uint32:
		b.SetUint32(uint32(v.Bits))
	case ir.Uint64:
		b.SetUint64(v.Bits)
	case ir.Float32:
		b.SetFloat32(math.Float32frombits(uint32(v.Bits)))
	case ir.Float64:
		b.SetFloat64(math.Float64frombits(v.Bits))
	case ir.EnumType:
		b.SetEnum(uint16(v.Bits))
	case ir.InterfaceType:
		b.SetInterface()
	case ir.List:
		writeObject(b.NewList(), v.Ptr)
	case ir.StructType:
		writeObject(b.NewStruct(), v.Ptr)
	case ir.AnyPointer:
		writeObject(b.NewAnyPointer(), v.Ptr)
	case ir.Text:
		if v.Ptr != nil {
			b.SetText(v.Ptr.Bytes)
			return
		}
		writeNull(b, schema.ValueWhichText)
	case ir.Data:
		if v.Ptr != nil {
			b.SetData([]byte(v.Ptr.Bytes))
			return
		}
		writeNull(b, schema.ValueWhichData)
	}
}

// writeNull makes b a null Text or Data, for which there is no setter. The tag
// of Value's union is its first field.
func writeNull(b schema.ValueBuilder, which schema.ValueWhich) {
	capnp.StructBuilder(b).SetUint16(0, uint16(which))
}
