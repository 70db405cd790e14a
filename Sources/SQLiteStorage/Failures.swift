public import HybridRouter

// Both mean that the storage itself has failed, and not what was to be stored.
extension DatabaseFailure: EnvironmentFailure {}
extension DatabaseRefusal: EnvironmentFailure {}
