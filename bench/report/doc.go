// Package report tells what a study found: a ranking as text for a terminal and as JSON,
// and one self-contained HTML page with the ranking, training curves and heat maps of what
// the probes saw in each layer.
//
//	results, err := study.Open(ctx, "gradflow-out/quickstart")
//	...
//	ranking := report.Rank(results)
//	ranking.WriteText(os.Stdout, report.TextOptions{Width: 100})
//	err = report.Write(results, "gradflow-out/quickstart/report.html")
//
// # What is compared
//
// Setups, an optimizer with its settings and a number of steps, are compared on one
// problem: runs that agree in all else but the seed. The seeds are the sample, and what is
// given of a setup is a median over them with a 95% interval (see package stats).
//
// The score is that of an evaluation on the validation set: the accuracy of a
// classification, the loss of any other task. It is compared after the least number of
// steps that a setup of the problem was given, the budget, so that a setup with more of
// them has no advantage; those serve to see when it reaches the target. An optimizer that
// was given fewer steps too is not tested a second time. A run that diverged by then has
// no network to evaluate and counts with the worst score there is, an accuracy of 0 or an
// infinite loss, whatever it had reached before. It is never left out.
//
// Steps to the target count from the start to the first evaluation that reached it. A run
// that did not is taken to need infinitely many, which is right for the median as long as
// more than half of the runs did, and else says that the median is beyond the setup's
// steps.
//
// Setups stand in the order of the median score; equal ones in that of the median steps to
// the target, and then as the study lists them.
//
// Each setup's scores are tested against those of the baseline, the first setup that the
// study lists for the problem, by the same seeds, with Holm's correction for the number of
// setups that are compared with it on the problem. The number of seeds and of setups, not
// the data, decides between Wilcoxon's signed-rank test and that of Mann and Whitney (see
// stats.NewDesign). Where no data could show a difference, the report says so.
package report
