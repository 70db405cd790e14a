/// The machines that ship with the binary, without their code.
public enum EmbeddedMachines {
    /// The built-in registration machine as a map, as `lockstep machine --format map` prints it.
    public static let registration = String(decoding: PackageResources.a2p_registration_json, as: UTF8.self)
    /// The file name of the machine with step 5.2.
    public static let vettingName = "Migrations/Machines/a2p-registration-5.2.json"
    /// The registration machine with step 5.2 in its table, and what that touches, as `MeasuredExtensionTests` write it.
    public static let vetting = String(decoding: PackageResources.a2p_registration_5_2_json, as: UTF8.self)
}
