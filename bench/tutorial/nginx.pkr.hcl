// The tutorial's build with Packer's qemu builder (1.6), on the same base disk and under the same emulation. It has no test phase and
// copies nothing; the base disk lets the build's key in without cloud-init, by a credential that systemd takes from SMBIOS.

variable "base" {
  type = string
}
variable "output" {
  type = string
}
variable "private_key" {
  type = string
}
variable "authorized_key_base64" {
  type = string
}
variable "accelerator" {
  type = string
}
variable "cpu" {
  type = string
}
variable "cpus" {
  type = number
}
variable "memory" {
  type = number
}
variable "commands" {
  type = string
}

source "qemu" "nginx" {
  iso_url          = var.base
  iso_checksum     = "none"
  disk_image       = true
  use_backing_file = true
  skip_resize_disk = true
  disk_size        = "3072M"
  format           = "qcow2"
  disk_interface   = "virtio"
  disk_cache       = "unsafe"
  disk_discard     = "unmap"
  net_device       = "virtio-net"
  machine_type     = "q35"
  accelerator      = var.accelerator
  cpus             = var.cpus
  memory           = var.memory
  headless         = true
  boot_wait        = "-1s"
  output_directory = var.output
  vm_name          = "nginx.qcow2"

  // Packer 1.6 does not say what format the base disk has, and qemu-img has insisted on that since 6.1.
  qemu_img_args {
    create = ["-F", "qcow2"]
  }

  qemuargs = [
    ["-cpu", var.cpu],
    ["-smbios", "type=11,value=io.systemd.credential.binary:ssh.authorized_keys.root=${var.authorized_key_base64}"],
    ["-device", "virtio-rng-pci"],
    // Packer's own listens on all addresses of the host.
    ["-netdev", "user,id=user.0,ipv6=off,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
  ]

  ssh_username         = "root"
  ssh_private_key_file = var.private_key
  ssh_timeout          = "20m"
  shutdown_command     = "poweroff"
}

build {
  sources = ["source.qemu.nginx"]

  provisioner "shell" {
    script          = var.commands
    execute_command = "bash {{ .Path }}"
  }
}
