// swift-tools-version: 6.2

import PackageDescription

// A package as a reader of the tutorial writes it: a machine of his own on Lockstep's products, with no setting but the language mode.
let package = Package(
    name: "parcel-claims",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "lockstep", path: "../..")],
    targets: [
        .target(name: "ParcelClaims", dependencies: [.product(name: "Lockstep", package: "lockstep")]),
        .target(name: "BareMetal", dependencies: [.product(name: "Lockstep", package: "lockstep")]),
        .target(name: "Registrations", dependencies: [.product(name: "Lockstep", package: "lockstep")]),
        .executableTarget(
            name: "registrations-bridge",
            dependencies: ["Registrations", "ParcelClaims", .product(name: "LockstepApp", package: "lockstep")]),
        .executableTarget(name: "parcel-claims", dependencies: ["ParcelClaims", .product(name: "LockstepApp", package: "lockstep")]),
        // the same machine with the new step in its table, to measure what that costs
        .target(
            name: "ClaimsWithPhoto", dependencies: [.product(name: "Lockstep", package: "lockstep")], path: "Tests/ClaimsWithPhoto"),
        .testTarget(
            name: "ParcelClaimsTests",
            dependencies: [
                "ParcelClaims", "ClaimsWithPhoto", "BareMetal", "parcel-claims",
                .product(name: "LockstepApp", package: "lockstep"),
                .product(name: "LockstepTesting", package: "lockstep"),
            ]),
        .testTarget(
            name: "RegistrationsTests",
            dependencies: [
                "Registrations", "registrations-bridge", .product(name: "Lockstep", package: "lockstep"),
                .product(name: "LockstepTesting", package: "lockstep"),
            ]),
    ]
)
