package conform

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Print prints results as a table, and how many there were of each verdict.
func Print(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CASE\tVERDICT\tWHAT\tEXPECTED\tGOT")
	counts := map[Verdict]int{}
	for _, r := range results {
		counts[r.Verdict]++
		fmt.Fprintf(t, "%s/%s\t%s\t%s\t%s\t%s\n", r.ID, r.Name, r.Verdict, r.What, r.Expected, r.Got)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d cases: %d ok, %d differ, %d not applicable, %d fatal\n",
		len(results), counts[OK], counts[Differs], counts[NotApplicable], counts[Gone])
	return err
}

// Failed reports whether a result is a finding.
func (r *Result) Failed() bool { return r.Verdict == Differs || r.Verdict == Gone }
