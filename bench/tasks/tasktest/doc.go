// Package tasktest checks an implementation of [tasks.Task], ours or anyone's:
//
//	func TestMyTask(t *testing.T) {
//		task, err := NewMyTask()
//		if err != nil {
//			t.Fatal(err)
//		}
//		tasktest.Run(t, task)
//	}
//
// What it checks:
//
//   - description: name, widths, loss, chance level and target make sense, and so
//     do the steps of a sequence;
//   - sets: tables of the right shape, finite, the same in both float types,
//     one-hot targets that agree with the labels;
//   - stream: the same seed gives the same examples whatever the batch size and
//     float type, also in several goroutines and after Seek; another seed gives
//     others; wrong buffers are errors;
//   - allocation: none per batch;
//   - standardisation: a finite training set has mean 0 and deviation 1 in every
//     feature that is not constant, unless it is a sequence of one-hot symbols;
//   - leak: no held-out example is a training example;
//   - chance: the best constant answer scores what the task says.
package tasktest
