// Package stats has the few statistics that comparisons of training runs need: medians
// and quantiles, an interval of the median, two rank tests, Holm's correction, and what a
// study of a given size can show at all.
//
// The seeds are the sample. Runs of two setups with one seed had the same data, the same
// initial weights and the same order of examples: they are pairs.
//
// Nothing assumes a distribution. Values may be infinite: a run that never reached the
// target needed +Inf steps, a run that diverged ended with a loss of +Inf. Ranks and
// medians are right for such values as they stand, as long as it is known on which side of
// the rest a censored value lies. A NaN in a sample makes the result NaN.
package stats
