package normalization

import "github.com/gradflow/gradflow/catalogue"

// Catalogue has the normalisations that text can ask for by name. That of none is nil.
var Catalogue = catalogue.New("normalization",
	catalogue.Row("none", "no normalisation", func(struct{}) (Normalization, error) { return nil, nil }),
	catalogue.Row("batch-norm", "each unit over the batch to mean 0 and variance 1, then γ and β", NewBatchNorm).Cite("ioffe2015"),
	catalogue.Row("layer-norm", "each example over the units to mean 0 and variance 1, then γ and β", NewLayerNorm).Cite("ba2016"),
	catalogue.Row("group-norm", "each example over groups of units to mean 0 and variance 1, then γ and β", NewGroupNorm).Cite("wu2018"),
	catalogue.Row("rms-norm", "each example over the units to mean square 1, then γ", NewRMSNorm).Cite("zhang2019rms"),
	catalogue.Row("pseudo-norm", "each example divided by its root mean square in every k-th layer", NewPseudoNorm),
	catalogue.Row("dyt", "γ·tanh(α·x) + β instead of a norm", NewDyT).Cite("zhu2025"),
	catalogue.Row("derf", "γ·erf(α·x + s) + β instead of a norm", NewDerf).Cite("chen2025"),
	catalogue.Row("weight-norm", "each unit's weights as length times direction, g·v/‖v‖",
		func(struct{}) (Normalization, error) { return NewWeightNorm(), nil }).Cite("salimans2016"),
	catalogue.Row("weight-standardization", "each unit's weights with mean 0 and length g", NewWeightStandardization),
	catalogue.Row("distance-scale", "RBF: squared distances divided by their mean over the batch", NewDistanceScale),
	catalogue.Row("distance-standardize", "RBF: squared distances to variance 1 over the batch, plus a shift β", NewDistanceStandardize),
)
