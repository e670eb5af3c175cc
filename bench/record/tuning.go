package record

// Tuning is what the tuning of a study has come to, as far as its records go. It is worked
// out from the records each time, and never read from a file.
type Tuning struct {
	// Method says in a sentence what was chosen on what.
	Method string `json:"method"`
	// Complete tells that all settings are chosen.
	Complete bool     `json:"complete"`
	Chosen   []Chosen `json:"chosen"`
	Cost     Cost     `json:"cost"`
	Warnings []string `json:"warnings"`
	// Runs are those that settings are chosen by, as far as is known: more may follow from
	// their results. Final are the runs with the chosen settings, which are compared.
	Runs  []Config `json:"-"`
	Final []Config `json:"-"`
	// Planned counts all runs of the study, and PlannedUpdates their updates, with those that
	// are sure to follow.
	Planned, PlannedUpdates int `json:"-"`

	plain map[string]origin
}

// Cost is what the tuning took, of the runs that are recorded.
type Cost struct {
	Runs    int     `json:"runs"`
	Updates int     `json:"updates"`
	Seconds float64 `json:"seconds"` // of all cores together
}

// Chosen is what was chosen for one of the things that a study compares, in one facet or in
// all.
type Chosen struct {
	Thing string `json:"thing"` // its label
	Facet string `json:"facet"` // its label, "" if there is but one
	// Settings are the values chosen, by axis and setting: "optimizer.rate". Those that the
	// thing does not have are missing; Lacks names them.
	Settings map[string]float64 `json:"settings"`
	Lacks    []string           `json:"lacks,omitempty"`
	Tried    int                `json:"tried"` // combinations of settings
	Extended int                `json:"extended,omitempty"`
	// AtEdge names the settings that are the last tried on their side and better than all
	// others: a wider range may have better ones.
	AtEdge []string `json:"at_edge,omitempty"`
	// Score is the mean over the tuning seeds of the score on the validation part at the end: an accuracy,
	// or a loss if the task has none. null: every run diverged.
	Score Number `json:"validation_score"`
	// Sensitivity is by how much the score gets worse, at the worse of a third of the setting and
	// three times it, as interpolated between the values tried; null: it diverges there.
	// Where neither was tried it is missing.
	Sensitivity map[string]Number `json:"sensitivity_to_a_factor_of_3,omitempty"`
}

type origin struct {
	plain Config
	tried int
}

// Add adds a run with chosen settings; plain is what it was before they were chosen, of
// tried.
func (t *Tuning) Add(final, plain Config, tried int) {
	if t.plain == nil {
		t.plain = map[string]origin{}
	}
	t.Final = append(t.Final, final)
	t.plain[final.Hash()] = origin{plain, tried}
}

// Plain returns what the configuration of a run was before its settings were chosen, and
// of how many. Of other runs it is the same, and 0.
func (t *Tuning) Plain(c Config) (plain Config, tried int) {
	if t != nil {
		if o, ok := t.plain[c.Hash()]; ok {
			return o.plain, o.tried
		}
	}
	return c, 0
}
