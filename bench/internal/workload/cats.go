package workload

import (
	"bytes"
	"cmp"
	"slices"

	"lanyard.dev/capnp"
)

// fillPages writes up to 999 pages with falling scores and returns how many are
// about cats and not about dogs.
func fillPages(m *capnp.MessageBuilder, r *random) (good uint64) {
	const prefix = "http://example.com/"
	list := NewRootPages(m).NewList(int(r.below(1000)))
	var url, snippet []byte
	for i, page := range list.All() {
		page.SetScore(float64(1000 - i))
		url = append(url[:0], prefix...)
		for range r.below(100) {
			url = append(url, 'a'+byte(r.below(26)))
		}
		capnp.StructBuilder(page).SetTextBytes(0, url)

		cat, dog := r.below(8) == 0, r.below(8) == 0
		snippet = appendWords(append(snippet[:0], ' '), r)
		if cat {
			snippet = append(snippet, "cat "...)
		}
		if dog {
			snippet = append(snippet, "dog "...)
		}
		snippet = appendWords(snippet, r)
		capnp.StructBuilder(page).SetTextBytes(1, snippet)
		good += when(cat && !dog, 1)
	}
	return good
}

func appendWords(b []byte, r *random) []byte {
	words := [...]string{"foo ", "bar ", "baz ", "qux ", "quux ", "corge ", "grault ", "garply ", "waldo ", "fred ", "plugh ", "xyzzy ", "thud "}
	for range r.below(20) {
		b = append(b, words[r.below(uint32(len(words)))]...)
	}
	return b
}

type ranked struct {
	score float64
	page  PagesPage
}

// rank puts cats up and dogs down.
func rank(req *capnp.Message, res *capnp.MessageBuilder) {
	pages := capnp.Root[Pages](req).List()
	all := make([]ranked, 0, pages.Len())
	for _, page := range pages.All() {
		score, snippet := page.Score(), page.SnippetBytes()
		if bytes.Contains(snippet, []byte(" cat ")) {
			score *= 10000
		}
		if bytes.Contains(snippet, []byte(" dog ")) {
			score /= 10000
		}
		all = append(all, ranked{score, page})
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Compare(b.score, a.score) })
	for i, page := range NewRootPages(res).NewList(len(all)).All() {
		page.SetScore(all[i].score)
		// Text that is only passed on need not become strings.
		capnp.StructBuilder(page).SetTextBytes(0, all[i].page.UrlBytes())
		capnp.StructBuilder(page).SetTextBytes(1, all[i].page.SnippetBytes())
	}
}

// cats counts the pages at the top; the sum depends on the order of all.
func cats(res *capnp.Message) (got, sum uint64) {
	pages := capnp.Root[Pages](res).List()
	for _, page := range pages.All() {
		if page.Score() <= 1001 {
			break
		}
		got++
	}
	sum = got
	if n := pages.Len(); n > 0 {
		sum += uint64(len(pages.At(n / 2).UrlBytes()))
	}
	return got, sum
}
