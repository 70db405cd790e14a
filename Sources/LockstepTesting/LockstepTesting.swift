// One import for the tests of a machine: laws for ports, a clock that stands still, a simulated outside, scenarios.

@_exported public import BridgeTesting
@_exported public import Lockstep
