// Package remedy answers this module's main question: what keeps the signal of this
// network alive? It takes a network, tries remedies, one factor at a time and then the best
// together, and reports the effect of each on the signal and on the score.
//
//	a, err := remedy.Find(ctx, remedy.Question{Config: config, Budget: time.Minute}, "dir", remedy.Options{})
//	fmt.Println(a.Answer)
//
// It is a race in three studies, each an ordinary one in a directory of its own:
//
//	1-screening  each remedy that applies, one seed, three rates, few steps
//	2-together   the best of different kinds, combined
//	3-finalists  the plain network and the best, each at its rate, fresh seeds, all steps
//
// Screening uses the validation set and one seed, which shows nothing, and the answer says
// so. The finalists are judged on the test part, by package compare. A
// remedy is a row of [Catalogue]; a program adds its own there.
package remedy
