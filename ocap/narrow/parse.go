package narrow

func parse(string) (any, error) { return nil, nil }
