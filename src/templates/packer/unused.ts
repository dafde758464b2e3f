/** Settings of a source without an equivalent in EC2 Image Builder, and why. */
import type { Note, Source } from './model.ts';

/** Settings about how Packer connects to the machine, or how the builder works, which Ingot does not need. */
const CONNECTION = /^(ssh_|winrm_|communicator$|pause_before_connecting$|temporary_|associate_public_ip|ssh$)/;
const CREDENTIALS =
  /^(access_key|secret_key|token|profile|shared_credentials_file|assume_role|mfa_code|vault_aws_engine|custom_endpoint_ec2|skip_credential_validation|skip_metadata_api_check|skip_region_validation|max_retries|aws_polling|insecure_skip_tls_verify|decode_authorization_messages|client_id|client_secret|subscription_id|tenant_id|account_file|project_id|credentials_file|api_token)$/;
const NETWORK = /^(vpc_|subnet_|security_group|availability_zone$|temporary_security_group|network_|no_proxy)/;
const COST =
  /^(spot_|fleet_tags|ebs_optimized|enable_unlimited_credits|enable_t2_unlimited|capacity_reservation|tenancy|placement|shutdown_behavior|disable_stop_instance|ena_support|sriov_support|enclave_options|boot_mode|tpm_support|uefi_data|imds_support|force_deregister|force_delete_snapshot|skip_create_ami|skip_save_build_region|snapshot_|deprecate_at|ami_virtualization_type|skip_ami_run_tags|deregistration_protection|run_volume_tags|run_volume_tag|snapshot_tags)/;

/** Notes the members of a source that nothing read, grouped by reason. */
export function noteUnused({ settings, type }: Source, note: (note: Note) => void): void {
  settings.use('name');
  const groups = new Map<string, string[]>();
  for (const name of settings.unused()) {
    const why = CONNECTION.test(name)
      ? 'Ingot reaches instances by an agent, without SSH or WinRM'
      : CREDENTIALS.test(name)
        ? 'no account of a cloud is needed'
        : NETWORK.test(name)
          ? 'subnets and security groups are those of config.yaml (docs/networks.md)'
          : type.startsWith('amazon') && COST.test(name)
            ? 'it has no meaning outside of EC2'
            : 'there is no equivalent';
    groups.set(why, [...(groups.get(why) ?? []), name]);
  }
  for (const [why, names] of groups)
    note({
      kind: 'left out',
      place: settings.placeOf(names[0]!),
      what: `${settings.owner}: ${names.join(', ')}`,
      why,
    });
}
