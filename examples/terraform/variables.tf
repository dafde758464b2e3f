variable "region" {
  description = "Region to build in."
  type        = string
  default     = "us-east-1"
}

variable "name" {
  description = "What everything here is called."
  type        = string
  default     = "golden"
}

variable "message" {
  description = "What the image's message of the day says."
  type        = string
  default     = "Hello from a golden image"
}

variable "team" {
  description = "Value of the tag team, which the lifecycle policy selects images by."
  type        = string
  default     = "platform"
}

variable "build_image" {
  description = "Whether apply builds an image, and waits for it. Without, the pipeline builds them."
  type        = bool
  default     = true
}

variable "boot_tests" {
  description = "Whether the new image is booted as a virtual machine and tested there."
  type        = bool
  default     = true
}

variable "keep_images" {
  description = "How many images the lifecycle policy keeps."
  type        = number
  default     = 5
}
