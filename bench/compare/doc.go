// Package compare draws conclusions from the runs of a study: which of the things compared is
// better, by how much, where, and whether that is shown at all.
//
// The things are the values of one axis (optimizers, say), of several axes together, or
// named variants that each override some axes. All other axes that vary make the facets. A
// thing in a facet is a cell, and the runs of a cell by their seeds are its sample; runs of
// one seed in two cells of a facet are a pair.
//
//	c, err := compare.Runs(records, compare.Options{By: []string{"initializer"}})
//	fmt.Println(c.Answer)
//
// What is said is tested. One pooled signed-rank test over all facets and seeds compares
// each thing with the baseline, with Holm's correction over the things. Differences of
// accuracies are ranked together, as they have one scale, so that a large gain on one facet
// is more than a small loss on another; those of losses are ranked within their facets. With
// a single facet and few seeds the test is that of Mann and Whitney. Single facets are
// tested only of things that pass, with Holm's correction over the facets. Scores that are no
// better than guessing count as guessing, so that two runs at chance are a tie. What no test
// shows is not called equal, and a thing that scores no better than guessing is reported so.
package compare
