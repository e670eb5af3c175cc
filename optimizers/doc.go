// Package optimizers implements the optimizers that this project studies, which
// do not trust the magnitude of the gradient, and those they are compared with.
//
// Each is a gorgonia.Solver. The zero value of its constructor's config selects the
// published defaults:
//
//	solver, err := optimizers.NewSMORMS3(optimizers.SMORMS3Config{})
//	...
//	err = solver.Step(gorgonia.NodesToValueGrads(params))
//
// Step changes the values of the parameters in place, sets the gradients to zero, as
// Gorgonia's own solvers do, and allocates nothing after the first call. StepWith and
// Update leave the gradients alone. State belongs to the name
// of a parameter, so a parameter needs a name (a Node that was made with
// gorgonia.WithName has one). Values are float32 or float64, scalars or
// row-major tensors. Nothing is changed if a gradient holds a NaN or an infinity:
// the error is [ErrNonFinite] and names the parameter. Those that step each parameter by
// itself are a [SeparableSolver], and can also be asked for one parameter's step at a time.
//
// A TapeMachine with gorgonia.BindDualValues adds the gradients of each run to those
// already there: use Step with it, or zero them before each run.
//
// # Tiny gradients
//
// The square of a float32 below 1e-23 is zero, and that of one above 1e19 is
// infinite. So the methods that square gradients compute in float64 whenever
// that matters: always, if they have no float32 kernel; otherwise if
// their eps is too small to hide the underflow (below 1e-16), and for a
// parameter from its first gradient above 1e15 on. Their state is then float64
// and only the new value is rounded to float32.
//
// # More than gradients
//
// An [InformedSolver] is given what it needs by the training loop in a [StepInfo]: the loss, a
// second gradient, curvature, the inputs and output gradients of layers. [Step] steps
// any solver, informed or not.
//
// # An optimizer of your own
//
// [New] makes an optimizer from a [Rule]: the state of a parameter, and how to update it.
// [NewLink] makes a link from a [Transform]. The built-in ones use nothing else. A row in [Catalogue] or [Links] gives them a name for studies, and package
// optimizertest tests them.
//
// # Averages
//
// The Schedule-Free methods train at one point and return another: each is an
// [Averager], and package train evaluates at the average.
//
// # Composition
//
// [Partition] gives each parameter an optimizer by its name. [Chain] puts links
// before an optimizer, which change its gradients (clipping, noise, ...), and
// after it, which change its steps (weight decay, schedules, factors for layers,
// ...). Both are optimizers themselves. A chain is separable if all its parts are. An alias such as adamw is a rule of its own rather than a chain: with chain(optimizer=adam,
// after=[weight-decay]) it agrees only up to rounding, and one pass over the weights is
// faster than three.
//
// # State
//
// All optimizers here save their state with MarshalBinary. UnmarshalBinary loads it into an
// optimizer made with the same settings, which then continues bit for bit as the first
// would have.
//
// # By name
//
// [Catalogue] has all of them for study files and the command line; [Links] and
// [Schedules] have the parts of a chain. An example:
//
//	chain(before=[clip-global-norm(limit=1)],optimizer=smorms3(rate=0.01),
//	      after=[schedule(schedule=warm-up(steps=100,then=cosine(steps=900)))])
package optimizers
