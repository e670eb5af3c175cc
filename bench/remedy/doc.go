// Package remedy answers the question that this module is for: what keeps the signal of
// this network alive? It takes a network, tries what may help, one factor at a time and then
// the best together, and tells what each does to the signal and to the score.
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
// What is screened out is screened by the validation part on one seed, which shows nothing
// and is called that. The finalists are judged on the test part, by package compare. A
// remedy is a row of [Catalogue]; a program adds its own there.
package remedy
