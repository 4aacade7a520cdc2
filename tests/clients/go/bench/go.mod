module ottla/bench

go 1.26.0
