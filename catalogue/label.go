package catalogue

import "slices"

// Label returns what people call a choice: its name, with the settings that have no default
// or null, as they say what it is of, and with others that are named. Text that the
// catalogue reads by [Catalogue.Written], such as a formula, stands for itself.
//
//	tanh    elu    elu(alpha=0.5), with alpha named    dks(of=softplus)    tanh(z)+0.1*z
func (c *Catalogue[T]) Label(choice Choice, others ...string) string {
	some := Choice{Name: choice.Name, Settings: map[string]any{}}
	for _, s := range c.Settings(choice.Name) {
		if v := choice.Settings[s.Name]; v != nil && (s.Default == "" || s.Default == "null") {
			some.Settings[s.Name] = v
		}
	}
	for name, v := range choice.Settings {
		if slices.Contains(others, name) {
			some.Settings[name] = v
		}
	}
	for name, v := range some.Settings {
		if text, ok := v.(string); !ok {
			if of, err := Read(v); err == nil && c.Settings(of.Name) != nil {
				some.Settings[name] = verbatim(c.Label(of)) // a choice of this same catalogue
			}
		} else if c.written != nil && len(some.Settings) == 1 {
			if read, ok := c.written(text); ok && read.Name == choice.Name && read.Settings[name] == v {
				return text
			}
		}
	}
	return some.String()
}

// verbatim is text that String writes as it is.
type verbatim string
