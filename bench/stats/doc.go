// Package stats has the statistics that comparisons of training runs need: medians with
// intervals, the paired effect with its interval, tests of one facet and of many, Holm's
// correction, what a study's values differ by, performance profiles, mean ranks with their
// critical difference, and what a study of a given size can show at all.
//
//	MedianInterval   exact order statistics, with the coverage they have
//	Paired           Hodges-Lehmann shift, its interval, pairs won
//	SignedRank       one facet, pairs           MannWhitney   one facet, unpaired
//	Pooled           many facets, one answer    Holm          many answers
//	Friedman         mean ranks, Nemenyi's critical difference
//	Performances     Dolan and Moré's profiles, AlgoPerf's score
//	VarianceShares   by axis, interactions, seeds
//	Detectable       the smallest difference that could have been seen
//
// The seeds are the sample. Runs of two setups with one seed had the same data, the same
// initial weights and the same order of examples: they are pairs.
//
// Nothing assumes a distribution. Values may be infinite: a run that never reached the
// target needed +Inf steps, a run that diverged ended with a loss of +Inf. Ranks and
// medians are right for such values as they stand, as long as it is known on which side of
// the rest a censored value lies. A NaN in a sample makes the result NaN.
package stats
