package kernels

//go:generate sh -c "cd gen && go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg kernels -tables ../tables_amd64.go"
