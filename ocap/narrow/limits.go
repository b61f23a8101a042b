package narrow

// What a chain may hold, so that it can come from anybody.
const (
	// MaxBytes bounds an encoded chain.
	MaxBytes = 64 << 10
	// MaxSteps bounds the steps of a chain.
	MaxSteps = 64
	// MaxMethods bounds the methods of one narrowing.
	MaxMethods = 1024
	// MaxWhere bounds the conditions of one narrowing.
	MaxWhere = 64
	// MaxCondition bounds the bytes of a condition.
	MaxCondition = 4 << 10
	// MaxPath bounds the fields of a path, in a condition and in a result.
	MaxPath = 16

	// MaxComparisons bounds the comparisons in all conditions of a chain, MaxSearches those by *=,
	// whose cost grows with the text that a call brings along.
	MaxComparisons = 1024
	MaxSearches    = 32

	maxDepth = 32  // of parentheses and "not" in a condition
	maxAtoms = 256 // comparisons in a condition
	maxSet   = 256 // values after "in"
)
