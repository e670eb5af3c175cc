package optimizertest

// Racing is for the tests of this package.
const Racing = racing
