extension FaultRates {
    /// Operators and restarts strike often, so that every move occurs among some hundred registrations.
    package static let busy: FaultRates = {
        var rates = FaultRates.every(0.03)
        for (fault, share) in [
            (Fault.recall, 0.004), (.adoption, 0.1), (.halt, 0.001), (.planChange, 0.001), (.crash, 0.003), (.clockJump, 0.0003),
        ] {
            rates.shares[fault] = share
        }
        return rates
    }()

    /// Moves of which every busy run has hundreds; that another one is missing may be chance.
    package static let decisive: Set = ["handOffs", "handBacks", "handOffs after a halt"]
}
